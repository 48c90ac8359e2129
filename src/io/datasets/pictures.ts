/** PNG and JPEG files as planes of bytes, as Pillow's convert("RGB") and convert("L") give them. */
import { InputError } from "../../errors.js";
import { FileSource } from "../source.js";
import type { Picture } from "./resample.js";

/** A photograph of 50 megapixels. */
const MAX_FILE = 1 << 26;
const MAX_PIXELS = 1 << 26;

/** What a picture's header says. */
export interface PictureHead {
  kind: "jpeg" | "png";
  width: number;
  height: number;
}

export interface PictureFile extends PictureHead {
  path: string;
  bytes: Uint8Array;
}

/**
 * Checks a picture's header and returns the file's bytes; nothing is decoded yet. Throws InputError if it is neither a JPEG of one
 * or three components nor a PNG of eight bits or less, or is larger than any photograph.
 * @param most bytes of the file
 */
export function readPicture(path: string, most = MAX_FILE): PictureFile {
  using source = new FileSource(path, most);
  const bytes = source.read(0, source.size);
  const head = pngHead(path, bytes) ?? jpegHead(path, bytes);
  if (head === null) throw new InputError(path, "is neither a JPEG nor a PNG image, or is cut short; download it again");
  if (head.width * head.height > MAX_PIXELS || head.width * head.height === 0) throw new InputError(path, `is an image of ${head.width}x${head.height} pixels, and from 1 to ${MAX_PIXELS} are read; make it smaller`);
  return { ...head, path, bytes };
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function pngHead(path: string, bytes: Uint8Array): PictureHead | null {
  if (bytes.length < 33 || PNG.some((byte, i) => bytes[i] !== byte) || String.fromCharCode(...bytes.subarray(12, 16)) !== "IHDR") return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[24] > 8) throw new InputError(path, `is a PNG of ${bytes[24]} bits a channel, and 8 are known; convert it`);
  return { kind: "png", width: view.getUint32(16), height: view.getUint32(20) };
}

/** Looks for the start-of-frame segment. */
function jpegHead(path: string, bytes: Uint8Array): PictureHead | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 10 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      const components = bytes[at + 9];
      if (components !== 1 && components !== 3) throw new InputError(path, `has ${components} colour components where 1 or 3 are known; convert it to RGB`);
      return { kind: "jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    if (marker === 0xd9 || marker === 0xda) return null;
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** Decodes what `readPicture` has checked, to three planes (gray repeated) or to one (as Pillow weighs colours, in fixed point). */
export type Decoder = (file: PictureFile, channels: 1 | 3) => Promise<Picture>;

/** Loads the decoder (libjpeg-turbo and libspng in sharp). Done on demand, so that other datasets do not need its binaries. */
export async function loadDecoder(): Promise<Decoder> {
  const { default: sharp } = await import("sharp");
  return async ({ path, bytes, kind, width, height }, channels) => {
    let decoded;
    try {
      // Embedded profiles are ignored because PIL ignores them, and transparency is dropped; a warning of the decoder means damaged data.
      decoded = await sharp(bytes, { failOn: "warning", limitInputPixels: width * height, ignoreIcc: true }).removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    } catch (error) {
      throw new InputError(path, `is a damaged ${kind.toUpperCase()} image; download it again`, { cause: error });
    }
    const { data, info } = decoded;
    const plane = width * height;
    if (info.channels !== 3 || data.length !== 3 * plane) throw new InputError(path, "does not decode to what its header declares; download it again");
    const out = new Uint8Array(channels * plane);
    for (let i = 0; i < plane; i++) {
      if (channels === 3) for (let channel = 0; channel < 3; channel++) out[channel * plane + i] = data[3 * i + channel];
      else out[i] = (data[3 * i] * 19595 + data[3 * i + 1] * 38470 + data[3 * i + 2] * 7471 + 0x8000) >> 16;
    }
    return { channels, height, width, data: out };
  };
}
