//! `v.push(v.len())`: the mutable borrow is announced, and becomes active only at the call.
//! exit: 0

fn main() {
    let mut v = vec![3, 1];
    println!("made"); // <before> v: live, not lent
    v.push(v.len());
    println!("pushed"); // <after> v: live, not lent
    let last = v[v.len() - 1];
    println!("{last}"); // <read> v: live, not lent; last: live
    let m = &mut v;
    m.push(m.len()); // <through> v: mutably lent to m; m: live
    println!("end"); // <end> v: live, not lent
    println!("{v:?}");
}
