//! A recursion without an end: the stack is used up, and the program is stopped.
//! signal: 6
//! drawing: none

fn sink(depth: u64) -> u64 {
    let ballast = [depth; 2000];
    if depth == 3 {
        println!("=depth {depth}\n=ballast[7] {}\n@ballast {:p}", ballast[7], &ballast); // <third>
        //   frames = sink, sink, sink, sink, main; depth = 3; ballast: live, place stack, at printed, size 16000
        println!("=ballast.size {}", size_of_val(&ballast));
    }
    if depth == u64::MAX {
        return 0;
    }
    sink(depth + 1) + ballast[(depth % 2000) as usize]
}

fn main() {
    println!("going down"); // <start> frames = main
    println!("{}", sink(0));
}
