//! The program `stackheap`.

fn main() -> std::process::ExitCode {
    stackheap::main()
}
