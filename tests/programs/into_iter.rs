//! `into_iter` takes the block over; what is not asked for is dropped with the iterator.
//! exit: 0

struct Crate(u32);

impl Drop for Crate {
    fn drop(&mut self) {
        println!("crate {} is thrown away", self.0);
    }
}

fn main() {
    let load = vec![Crate(1), Crate(2), Crate(3)];
    let mut rest = load.into_iter();
    let first = rest.next().unwrap();
    println!("=first.0 {}\n=rest.bytes {}", first.0, 3 * size_of::<Crate>()); // <one-out>
    //   first: live, place stack; first.0 = 1; rest: live, owns 12 bytes on the heap; load: not live
    drop(rest);
    println!("kept crate {}", first.0); // <rest-gone> rest: not live; first: live; event free 12 bytes
    let mut list = vec![1, 2, 3, 4, 5];
    let middle: Vec<i32> = list.drain(1..4).collect();
    println!("=list {list:?}\n=middle {middle:?}\n=list.capacity {}", list.capacity());
    println!("=list.bytes {}", 4 * list.capacity()); // <drained> list: live, owns 20 bytes on the heap; load: not live
    //   list = [1, 5]; middle = [2, 3, 4]; list.capacity = 5
}
