//! `mem::forget` ends the duty to drop; nothing is printed for it and nothing is freed.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let lost = Noisy("lost");
    let kept = Noisy("kept");
    std::mem::forget(lost); // <before> lost: live; kept: live
    println!("{}", kept.0); // <forgotten> lost: moved; kept: live; event move lost; no event drop lost
} // <end> lost: moved; kept: live; output ends "kept\n"
