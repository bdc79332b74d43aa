//! `..old` moves only the fields that are not written out; the rest stays with the old value.
//! exit: 0

struct Config {
    name: String,
    path: String,
    level: u8,
}

fn main() {
    let old = Config { name: "old".to_string(), path: "/tmp".to_string(), level: 3 };
    let new = Config { name: "new".to_string(), ..old };
    println!("{} {} {}", new.name, new.path, new.level); // <new> old: partly-moved, without path; new: live
    println!("{} {}", old.name, old.level); // <end> old: partly-moved, owns 3 bytes on the heap
    println!("=old.bytes {}", old.name.capacity());
}
