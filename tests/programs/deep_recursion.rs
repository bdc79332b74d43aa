//! Five hundred frames on one stack, and all of them gone again.
//! exit: 0

fn dive(depth: u32, trail: &mut Vec<u32>) -> u64 {
    if depth == 500 {
        trail.push(depth); // <bottom> depth = 500; frame count = 502; trail: borrows-mut main::trail
        println!("=depth {depth}\n=frame count {}", depth + 2);
        return 0;
    }
    1 + dive(depth + 1, trail)
}

fn main() {
    let mut trail = Vec::new();
    let frames = dive(0, &mut trail);
    println!("=frames {frames}\n=trail {trail:?}"); // <up-again> frames = main; trail = [500]
    println!("{frames} frames deep");
}
