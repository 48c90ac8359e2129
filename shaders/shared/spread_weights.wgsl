// Inside the loop over output channels: those of channel `oc` from the lanes of `w` that hold them to all lanes, into `v`.
// @unroll
for (var k = 0; k < PRODUCTS; k++) {
  const from = (oc * PRODUCTS + k) / 4;
  // A shuffle is quicker on a CPU's vectors of 8, but a loop over lanes on wider ones.
  // @static
  if (LANES == 8) {
    v[k] = subgroupShuffle(w[from / LANES][(oc * PRODUCTS + k) % 4], from % LANES);
  } else {
    v[k] = subgroupBroadcast(w[from / LANES][(oc * PRODUCTS + k) % 4], from % LANES);
  }
}
