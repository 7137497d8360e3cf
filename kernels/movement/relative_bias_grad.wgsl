// dtable[offset, k] = sum over the pairs of positions (i, j) that are `offset` apart of dbias[k, i, j]
//
// dbias: [heads, height * width, height * width]; dtable: [(2 height - 1) (2 width - 1), heads].
// Grid: one invocation an element of dtable. The pairs are those with j in a box of the window, and are added by rows
// of it.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  let columns = 2u * p.width - 1u;
  if (out >= (2u * p.height - 1u) * columns * p.heads) {
    return;
  }
  let offset = quotient(out, p.heads);
  let k = out - offset * p.heads;
  // yi - yj + height - 1 and xi - xj + width - 1: above height - 1 the box of j ends early, below it starts late.
  let dy = quotient(offset, columns);
  let dx = offset - dy * columns;
  let positions = p.height * p.width;
  var total = 0.0;
  for (var yj = max(p.height - 1u, dy) - dy; yj < min(p.height, 2u * p.height - 1u - dy); yj++) {
    for (var xj = max(p.width - 1u, dx) - dx; xj < min(p.width, 2u * p.width - 1u - dx); xj++) {
      let i = (yj + dy - (p.height - 1u)) * p.width + xj + dx - (p.width - 1u);
      total += load0((k * positions + i) * positions + yj * p.width + xj);
    }
  }
  emit(out, total);
}
