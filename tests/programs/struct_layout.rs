//! Fields lie where they fit best; `repr(C)` keeps them in order, with padding between them.
//! exit: 0

#[derive(Debug)]
struct Free {
    flag: bool,
    count: u32,
    id: u16,
}

#[derive(Debug)]
#[repr(C)]
struct Fixed {
    flag: bool,
    count: u32,
    id: u16,
}

fn main() {
    let free = Free { flag: true, count: 7, id: 3 };
    let fixed = Fixed { flag: true, count: 7, id: 3 };
    println!("=free {free:?}\n=free.size {}\n@free {:p}", size_of_val(&free), &free); // <free>
    //   free: live, place stack, at printed, size 8, type Free; free = Free { flag: true, count: 7, id: 3 }
    println!("=fixed {fixed:?}\n=fixed.size {}\n@fixed {:p}", size_of_val(&fixed), &fixed); // <fixed>
    //   fixed: live, at printed, size 12; fixed = Fixed { flag: true, count: 7, id: 3 }
    println!("=fixed.count {}\n=free.id {}", fixed.count, free.id); // <fields> fixed.count = 7; free.id = 3
    println!("{}", free.flag && fixed.flag && free.count + u32::from(fixed.id) == 10);
}
