//! `ManuallyDrop` takes away the automatic drop; the value is dropped when asked for.
//! exit: 0

use std::mem::ManuallyDrop;

struct Torch(String);

impl Drop for Torch {
    fn drop(&mut self) {
        println!("the {} torch goes out", self.0); // <out> frames = drop, main
    }
}

fn main() {
    let mut torch = ManuallyDrop::new(Torch("red".to_string()));
    let kept = ManuallyDrop::new(Torch("blue".to_string()));
    println!("=torch.bytes {}\n=torch.size {}", torch.0.capacity(), size_of_val(&torch)); // <lit>
    //   torch: live, place stack, size 24, owns 3 bytes on the heap; kept: live, owns a block
    println!("@kept {:p}\n@kept.heap {:p}", &kept, kept.0.as_ptr()); // <where> kept: at printed, heap at printed
    // SAFETY: `torch` is not used afterwards.
    unsafe { ManuallyDrop::drop(&mut torch) };
    println!("the {} torch burns for ever", kept.0); // <one-left> kept: live, owns a block; torch: not live
    //   event free 3 bytes
}
