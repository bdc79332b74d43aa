//! A program without the standard library, with most kinds of types and places.
#![no_std]
#![no_main]

use core::hint::black_box;

enum Message { Quit, Move { x: i32, y: i32 }, Text(&'static str) }
#[repr(i8)] #[derive(Clone, Copy)] enum Sign { Minus = -1, Plus = 1 }
union Bits { int: u32, float: f32 }
trait Speak { fn speak(&self) -> u32; }
struct Cat { lives: u32, name: &'static str }
impl Speak for Cat { fn speak(&self) -> u32 { self.lives + self.name.len() as u32 } }
struct Pair<A, B> { a: A, b: B }
impl<A: Copy, B> Pair<A, B> { fn first(&self) -> A { let a = self.a; a } }
static TABLE: [&str; 2] = ["a", "b"];
static mut COUNT: u64 = 0;

#[inline(always)]
fn inlined(value: u32) -> u32 { let more = value + 1; black_box(more) }

fn message(message: &Message, slice: &[u16]) -> i32 {
    let sum = match message {
        Message::Quit => 0,
        Message::Move { x, y } => x + y,
        Message::Text(text) => text.len() as i32,
    };
    let closure = |by: i32| sum + by + slice.len() as i32;
    closure(inlined(3) as i32)
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let bits = Bits { int: 1 };
    let sign = Sign::Minus;
    let cat = Cat { lives: 9, name: "c" };
    let speaker: &dyn Speak = &cat;
    let pair = Pair { a: 1u8, b: [1u64; 3] };
    let item = message;
    unsafe { COUNT += u64::from(speaker.speak()) };
    let mut total = item(&Message::Move { x: 1, y: 2 }, &[1, 2]) + message(&Message::Quit, &[]);
    total += message(&Message::Text(TABLE[1]), &[3]) + i32::from(pair.first()) + sign as i32;
    black_box((total, unsafe { bits.int }, &pair.b));
    loop {}
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
