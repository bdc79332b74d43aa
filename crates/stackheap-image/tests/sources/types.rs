//! Prints the sizes, alignments, offsets and bytes of its own types.
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem::{align_of, align_of_val, offset_of, size_of, size_of_val};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

struct Point { x: i32, y: i32 }
struct Mixed { a: u8, b: u64, c: u16, d: [u8; 3] }
#[repr(C)] struct Ordered { a: u8, b: u64, c: u16 }
#[repr(C, packed)] struct Packed { a: u8, b: u64, f: fn() }
#[repr(align(64))] struct Aligned(u8);
struct Generic<T, const N: usize> { items: [T; N], count: usize }
struct Empty;
union Bits { int: u32, float: f32, bytes: [u8; 4] }
struct Tailed<T: ?Sized> { head: u16, tail: T }
struct Own { head: u64, tail: [Point] }

#[derive(Debug)] enum Plain { One, Two, Three }
#[derive(Debug)] #[repr(i16)] enum Negative { Low = -300, High = 300 }
#[derive(Debug)] #[repr(u64)] enum Large { Top = 0x8000_0000_0000_0001, Low = 5 }
#[derive(Debug)] #[repr(i64)] enum LargeNegative { Bottom = i64::MIN, Zero = 0 }
#[derive(Debug)] enum Single { Only(u32) }
#[derive(Debug)] enum Message { Quit, Move { x: i32, y: i32 }, Write(String), Pair(u8, u16) }
#[derive(Debug)] enum Wide { Big(u128), Nothing, Small(i8) }
#[derive(Debug)] #[repr(i8)] enum SignedTag { Below(u8) = -5, Above(u16) = 7 }
#[derive(Debug)] #[repr(u128)] enum TagOf128 { First(u8) = 1, Last = u128::MAX }
#[derive(Debug)] enum Nested { Inner(Message), Other }
#[derive(Debug)] enum Deep { A(Option<Option<bool>>), B }
#[derive(Debug)] enum Chars { Some(char), End, Stop }

fn bytes<T>(name: &str, variant: &str, value: &T) {
    let raw = unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast::<u8>(), size_of::<T>()) };
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("bytes {} {variant} {hex}", name.replace(' ', "_"));
}

macro_rules! layout {
    ($($name:literal: $ty:ty = $value:expr;)*) => {$({
        let value: $ty = $value;
        println!("layout {} {} {}", $name.replace(' ', "_"), size_of_val(&value), align_of_val(&value));
        std::hint::black_box(&value);
    })*};
}
macro_rules! offsets {
    ($name:literal, $ty:ty, $($field:tt),*) => {
        $(println!("offset {} {} {}", $name.replace(' ', "_"), stringify!($field), offset_of!($ty, $field));)*
    };
}
macro_rules! variants {
    ($name:literal: $ty:ty; $($variant:literal = $value:expr;)*) => {
        $({ let value: $ty = $value; bytes($name, $variant, &value); std::mem::forget(value); })*
    };
}

trait Speak { fn speak(&self) -> u32 { 1 } }
impl Speak for Point {}
fn plain() {}
fn apply<F: Fn() -> u32>(f: F) -> u32 { f() }

fn main() {
    let item = plain;
    let items = (plain, 7u32, plain as fn());
    let captured = 5u32;
    let text = String::from("text");
    let closure = || captured + text.len() as u32;
    layout! {
        "bool": bool = true; "char": char = 'c'; "u8": u8 = 1; "i8": i8 = 1; "u16": u16 = 1; "i16": i16 = 1;
        "u32": u32 = 1; "i32": i32 = 1; "u64": u64 = 1; "i64": i64 = 1; "u128": u128 = 1; "i128": i128 = 1;
        "usize": usize = 1; "isize": isize = 1; "f32": f32 = 1.0; "f64": f64 = 1.0; "()": () = ();
        "demo::Point": Point = Point { x: 1, y: 2 };
        "demo::Mixed": Mixed = Mixed { a: 1, b: 2, c: 3, d: [4; 3] };
        "demo::Ordered": Ordered = Ordered { a: 1, b: 2, c: 3 };
        "demo::Packed": Packed = Packed { a: 1, b: 2, f: plain };
        "demo::Aligned": Aligned = Aligned(1);
        "demo::Generic<u16, 3>": Generic<u16, 3> = Generic { items: [1, 2, 3], count: 3 };
        "demo::Empty": Empty = Empty;
        "demo::Bits": Bits = Bits { int: 1 };
        "demo::Plain": Plain = Plain::Two;
        "demo::Message": Message = Message::Quit;
        "demo::Wide": Wide = Wide::Nothing;
        "demo::TagOf128": TagOf128 = TagOf128::Last;
        "(u8, u64, char)": (u8, u64, char) = (1, 2, 'c');
        "&str": &str = "text";
        "&[u16]": &[u16] = &[1, 2];
        "&mut [u16]": &mut [u16] = &mut [1, 2];
        "&demo::Point": &Point = &Point { x: 1, y: 2 };
        "*const demo::Point": *const Point = &Point { x: 1, y: 2 };
        "*mut u8": *mut u8 = std::ptr::null_mut();
        "fn()": fn() = plain;
        "&dyn demo::Speak": &dyn Speak = &Point { x: 1, y: 2 };
        "&demo::Own": Option<&Own> = None;
        "alloc::boxed::Box<u32, alloc::alloc::Global>": Box<u32> = Box::new(1);
        "alloc::boxed::Box<str, alloc::alloc::Global>": Box<str> = "text".into();
        "alloc::boxed::Box<[u32], alloc::alloc::Global>": Box<[u32]> = vec![1].into();
        "alloc::boxed::Box<dyn demo::Speak, alloc::alloc::Global>": Box<dyn Speak> = Box::new(Point { x: 1, y: 2 });
        "alloc::string::String": String = String::from("text");
        "alloc::vec::Vec<u8, alloc::alloc::Global>": Vec<u8> = vec![1];
        "alloc::collections::vec_deque::VecDeque<u8, alloc::alloc::Global>": VecDeque<u8> = VecDeque::new();
        "alloc::rc::Rc<str, alloc::alloc::Global>": Rc<str> = Rc::from("text");
        "alloc::rc::Rc<dyn demo::Speak, alloc::alloc::Global>": Rc<dyn Speak> = Rc::new(Point { x: 1, y: 2 });
        "alloc::sync::Arc<[u8], alloc::alloc::Global>": Arc<[u8]> = Arc::from([1u8, 2]);
        "alloc::sync::Arc<std::sync::poison::mutex::Mutex<[u8]>, alloc::alloc::Global>": Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1u8, 2]));
        "alloc::boxed::Box<demo::Tailed<str>, alloc::alloc::Global>": Option<Box<Tailed<str>>> = None;
        "alloc::boxed::Box<demo::Tailed<[demo::Point]>, alloc::alloc::Global>": Box<Tailed<[Point]>> = Box::new(Tailed { head: 1, tail: [Point { x: 1, y: 2 }] });
        "alloc::collections::btree::map::BTreeMap<u8, u16, alloc::alloc::Global>": BTreeMap<u8, u16> = BTreeMap::new();
        "std::collections::hash::map::HashMap<u8, u16, std::hash::random::RandomState, alloc::alloc::Global>": HashMap<u8, u16> = HashMap::new();
    }
    offsets!("demo::Mixed", Mixed, a, b, c, d);
    offsets!("demo::Ordered", Ordered, a, b, c);
    offsets!("demo::Packed", Packed, a, b, f);
    offsets!("demo::Generic<u16, 3>", Generic<u16, 3>, items, count);
    offsets!("demo::Bits", Bits, int, float, bytes);
    variants! { "demo::Plain": Plain; "One" = Plain::One; "Two" = Plain::Two; "Three" = Plain::Three; }
    variants! { "demo::Negative": Negative; "Low" = Negative::Low; "High" = Negative::High; }
    variants! { "demo::Large": Large; "Top" = Large::Top; "Low" = Large::Low; }
    variants! { "demo::LargeNegative": LargeNegative; "Bottom" = LargeNegative::Bottom; "Zero" = LargeNegative::Zero; }
    variants! { "demo::Single": Single; "Only" = Single::Only(7); }
    variants! { "demo::Message": Message; "Quit" = Message::Quit; "Move" = Message::Move { x: 1, y: 2 };
        "Write" = Message::Write(String::from("w")); "Pair" = Message::Pair(1, 2); }
    variants! { "demo::Wide": Wide; "Big" = Wide::Big(u128::MAX); "Nothing" = Wide::Nothing; "Small" = Wide::Small(-1); }
    variants! { "demo::SignedTag": SignedTag; "Below" = SignedTag::Below(1); "Above" = SignedTag::Above(2); }
    variants! { "demo::TagOf128": TagOf128; "First" = TagOf128::First(3); "Last" = TagOf128::Last; }
    variants! { "demo::Nested": Nested; "Inner" = Nested::Inner(Message::Quit); "Inner" = Nested::Inner(Message::Write(String::from("n"))); "Other" = Nested::Other; }
    variants! { "demo::Deep": Deep; "A" = Deep::A(Some(None)); "A" = Deep::A(None); "A" = Deep::A(Some(Some(true))); "B" = Deep::B; }
    variants! { "demo::Chars": Chars; "Some" = Chars::Some('\u{10ffff}'); "End" = Chars::End; "Stop" = Chars::Stop; }
    variants! { "core::option::Option<alloc::boxed::Box<u32, alloc::alloc::Global>>": Option<Box<u32>>; "None" = None; "Some" = Some(Box::new(1)); }
    variants! { "core::option::Option<alloc::string::String>": Option<String>; "None" = None; "Some" = Some(String::new()); }
    variants! { "core::result::Result<u8, alloc::string::String>": Result<u8, String>; "Ok" = Ok(1); "Err" = Err(String::from("e")); }
    println!("sizes {} {} {}", size_of_val(&item), size_of_val(&items), apply(&closure));
    println!("closure {}", size_of_val(&closure));
    println!("align {}", align_of::<Mixed>());
    std::hint::black_box((&item, &items, &closure));
}
