//! `v.push(v.len())`: the mutable borrow is announced, and becomes active only at the call.
//! exit: 0

fn main() {
    let mut v = vec![3, 1];
    v.push(v.len()); // <before> v: live, not lent
    let last = v[v.len() - 1]; // <after> v: live, not lent
    println!("{last}"); // <read> v: live, not lent; last: live
    let m = &mut v;
    m.push(m.len()); // <through> v: mutably lent to m; m: live
    println!("{v:?}"); // <end> v: live, not lent; event borrow-end v
}
