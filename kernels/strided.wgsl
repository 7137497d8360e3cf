// y[i] = x[source(i)]
//
// x: the whole input; y: the output; both in elements of WIDTH floats (a vec4f where the innermost axis allows it).
// Grid: one invocation an element of y. WIDTH and `source`, which counts single floats, are written above this file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  if (out >= p.total / WIDTH) {
    return;
  }
  emit(out, load0(source(out * WIDTH) / WIDTH));
}
