//! Prints the addresses and contents of its own statics, thread-locals and vtables.
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};

mod shapes {
    pub trait Shape { fn area(&self) -> u64; }
    pub struct Circle { pub r: u64 }
    pub struct Square { pub a: u64, pub tag: String }
    impl Shape for Circle { fn area(&self) -> u64 { 3 * self.r * self.r } }
    impl Shape for Square { fn area(&self) -> u64 { self.a * self.a } }
}
use shapes::{Circle, Shape, Square};

#[unsafe(no_mangle)]
static ANCHOR: u64 = 0x1122_3344_5566_7788;
static COUNTER: AtomicU32 = AtomicU32::new(3);
static mut BUFFER: [u8; 64] = [0; 64];
static NAMES: [&str; 2] = ["first", "second"];
static UNUSED: u64 = 9;
thread_local! {
    static PLAIN: Cell<u32> = const { Cell::new(7) };
    static LAZY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static NEVER: Cell<u64> = const { Cell::new(1) };
}

fn local_static() -> &'static AtomicU32 {
    static INNER: AtomicU32 = AtomicU32::new(11);
    &INNER
}

fn vtable(name: &str, pointer: &dyn Shape) {
    let (_, table): (usize, usize) = unsafe { std::mem::transmute(pointer) };
    println!("vtable {name} {table:#x}");
}

fn main() {
    println!("static ANCHOR {:p} u64 read-only", &ANCHOR);
    println!("static COUNTER {:p} {} writable", &COUNTER, std::any::type_name_of_val(&COUNTER));
    println!("static BUFFER {:p} [u8;64] writable", &raw const BUFFER);
    println!("static NAMES {:p} [&str;2] read-only", &NAMES);
    println!("static local_static::INNER {:p} {} writable", local_static(), std::any::type_name_of_val(local_static()));
    println!("text {:p} {}", NAMES[1].as_ptr(), NAMES[1].len());
    PLAIN.with(|cell| println!("local PLAIN {:p} {}", cell, cell.get()));
    LAZY.with(|cell| println!("lazy LAZY {:p}", cell));
    let thread_pointer: usize;
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) thread_pointer) };
    println!("thread {thread_pointer:#x}");
    let circle = Circle { r: 1 };
    let square = Square { a: 2, tag: String::from("s") };
    vtable("demo::shapes::Circle", &circle);
    vtable("demo::shapes::Square", &square);
    println!("areas {} {} {}", circle.area(), square.area(), COUNTER.load(Ordering::Relaxed) + square.tag.len() as u32);
}
