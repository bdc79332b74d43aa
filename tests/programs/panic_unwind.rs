//! A panic leaves the frames one by one and drops what they own on the way.
//! exit: 101

struct Door(&'static str);

impl Drop for Door {
    fn drop(&mut self) {
        println!("closing the {} door", self.0); // <closing> frames = drop, inner, outer, main
    }
}

fn inner(depth: u32) -> u32 {
    let _door = Door("inner");
    let bait = [1, 2, 3];
    let index = depth as usize + 3;
    println!("=index {index}\n=bait {bait:?}"); // <before>
    //   frames = inner, outer, main; index = 4; bait = [1, 2, 3]
    bait[index]
}

fn outer() -> u32 {
    let _door = Door("outer");
    inner(1) + 1
}

fn main() {
    let found = outer();
    println!("never printed: {found}");
}
