/** The rooms of the two sets of kernels, by name, and what belongs to either. */
import type { Kernels } from "../../layout/blocks.js";
import { hardware } from "./hardware/room.js";
import type { HardwarePlan } from "./hardware/plan.js";
import type { HardwareTile } from "./hardware/room.js";
import type { Room } from "./room.js";
import { software } from "./software/room.js";
import type { ConvPlan } from "./software/plan.js";
import type { ConvTile } from "./software/tile.js";

export type AnyPlan = ConvPlan | HardwarePlan;
export type AnyTile = ConvTile | HardwareTile;
/** Tiles by `tileKey`. */
export type TileTable = Record<string, AnyTile>;

const ROOMS: Record<Kernels, Room<AnyPlan, AnyTile>> = { software, hardware };

export const roomOf = ({ kernels = "software" }: { kernels?: Kernels }): Room<AnyPlan, AnyTile> => ROOMS[kernels];
