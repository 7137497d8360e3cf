// bias[k, i, j] = table[(yi - yj + height - 1) * (2 * width - 1) + xi - xj + width - 1, k]
//
// table: [(2 height - 1) (2 width - 1), heads]; bias: [heads, height * width, height * width], positions by rows.
// Grid: one invocation an element of bias.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  let positions = p.height * p.width;
  if (out >= p.heads * positions * positions) {
    return;
  }
  let row = quotient(out, positions);
  let k = quotient(row, positions);
  let i = row - k * positions;
  let j = out - row * positions;
  let yi = quotient(i, p.width);
  let yj = quotient(j, p.width);
  let xi = i - yi * p.width;
  let xj = j - yj * p.width;
  let offset = (yi + p.height - 1u - yj) * (2u * p.width - 1u) + xi + p.width - 1u - xj;
  emit(out, load0(offset * p.heads + k));
}
