//! The program that `cargo stackheap` starts; the same as `stackheap`.

fn main() -> std::process::ExitCode {
    stackheap::main()
}
