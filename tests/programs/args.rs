//! The program's arguments.
//! exit: 5
//! args: --depth 5 "two words"

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    println!("=args {args:?}\n=args.len {}", args.len()); // <given>
    //   args: live, owns 4 blocks in all; args = ["--depth", "5", "two words"]; args.len = 3
    let depth = args.iter().position(|a| a == "--depth").and_then(|at| args[at + 1].parse().ok());
    println!("=depth {depth:?}"); // <depth> depth = Some(5)
    std::process::exit(depth.unwrap_or(0));
}
