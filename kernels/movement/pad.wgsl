// y[i] = x[i − before] where that lies in x, else 0
//
// x: the whole input; y: the output; both in elements of WIDTH floats (a vec4f where the innermost axis allows it).
// Grid: one invocation an element of y. WIDTH and `locate`, which counts single floats, are written above this file.

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
  let at = locate(out * WIDTH);
  var value = Element();
  if (at != OUTSIDE) {
    value = load0(at / WIDTH);
  }
  emit(out, value);
}
