//! Values without bytes: they have a type and no place of their own, and never need a block.
//! exit: 0

#[derive(Clone, Copy, Debug)]
struct Marker;

fn main() {
    let marker = Marker;
    println!("=marker {marker:?}\n=marker.size {}", size_of_val(&marker)); // <marker>
    //   marker: size 0, owns nothing; marker = Marker
    let crowd = vec![marker; 1000];
    println!("=crowd.len {}\n=crowd.size {}", crowd.len(), size_of_val(&crowd)); // <crowd>
    //   crowd: live, place stack, size 24, owns nothing; crowd.len = 1000
    let boxed = Box::new(());
    println!("=boxed {boxed:?}\n=boxed.size {}", size_of_val(&boxed)); // <boxed>
    //   boxed: live, place stack, size 8, owns nothing; boxed = ()
    let nothing: [u64; 0] = [];
    println!("=nothing {nothing:?}\n=nothing.size {}", size_of_val(&nothing)); // <empty-array>
    //   nothing: size 0; nothing = []
}
