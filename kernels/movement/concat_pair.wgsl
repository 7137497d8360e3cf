// y[o, i] = a[o, i] where i < aInner, else b[o, i − aInner]
//
// a: [outer, aInner]; b: [outer, bInner]; y: [outer, aInner + bInner], in elements of WIDTH floats.
// Grid: one invocation an element of y. WIDTH and Element are written above this file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  let aInner = p.aInner / WIDTH;
  let bInner = p.bInner / WIDTH;
  if (out >= p.outer * (aInner + bInner)) {
    return;
  }
  let o = quotient(out, aInner + bInner);
  let i = out - o * (aInner + bInner);
  var value: Element;
  if (i < aInner) {
    value = load0(o * aInner + i);
  } else {
    value = load1(o * bInner + i - aInner);
  }
  emit(out, value);
}
