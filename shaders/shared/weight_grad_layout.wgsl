// How the sums of a weight gradient lie: four a texel, those of a lane's sums side by side. See src/ops/convolution/weightGradient.ts.
const SUM_TEXELS = (SUMS + 3) / 4;
const TILES_Y = 1; // of the grid
const TILES_PER_ROW = 1; // in a row of the texture
const TILE_ROWS = 1; // rows of the texture for a row of tiles

fn sums_at(tile: vec3u, texel: u32, lane: u32) -> vec2u {
  return vec2u((tile.x % TILES_PER_ROW * SUM_TEXELS + texel) * LANES + lane, (tile.z * TILES_Y + tile.y) * TILE_ROWS + tile.x / TILES_PER_ROW);
}
