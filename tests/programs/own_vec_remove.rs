//! `remove` and `swap_remove` move one element out of a vector; indexing only borrows.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let mut list = vec![Noisy("removed"), Noisy("list.1"), Noisy("swapped"), Noisy("list.3")];
    let look = &list[1];
    println!("{}", look.0); // <look> look: live, borrows heap of list; list: live, lent to look
    let removed = list.remove(0);
    println!("{}", removed.0); // <one> removed: live; list: live, not lent
    let swapped = list.swap_remove(1);
    println!("{} {}", swapped.0, list.len()); // <two> swapped: live; removed: live; list: live
}
