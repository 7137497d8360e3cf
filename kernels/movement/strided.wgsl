// y[i] = x[source(i)]
//
// x: the whole input; y: the output.
// Grid: one invocation for EACH elements of y. EACH and `copy`, which writes them, are written above this file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let i = (wid.y * num.x + wid.x) * 64u + l;
  if (i < p.total / EACH) {
    copy(i);
  }
}
