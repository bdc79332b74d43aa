//! A `move` closure takes only what it uses: a field that is `Copy` is copied, and the rest stays.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let stays = Noisy("stays");
    let goes = Noisy("goes");
    let name = move || stays.0.len();
    let value = move || {
        let inner = &goes;
        inner.0.len()
    };
    println!("{}", name()); // <made> stays: live; goes: moved; name: live; value: live
    println!("{}", value());
    drop(value);
    println!("end"); // <end> stays: live; goes: moved; value: moved; output ends "drop goes\n"
}
