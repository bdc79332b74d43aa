// Prints its values as `{:?}` writes them, with their addresses and sizes, and waits.
#![allow(dead_code, unused)]

use std::alloc::Layout;
use std::borrow::Cow;
use std::cell::{Cell, LazyCell, OnceCell, RefCell, UnsafeCell};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt::Debug;
use std::future::Future;
use std::io::Write;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::{NonZero, NonZeroU8, ParseIntError, Saturating, Wrapping};
use std::ops::{Bound, ControlFlow, RangeFull};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicUsize};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, RwLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

macro_rules! values {
    ($($name:ident = $value:expr;)*) => {
        $(let $name = $value;)*
        $(println!(
            "value\t{}\t{:#x}\t{}\t{:?}",
            stringify!($name),
            &raw const $name as usize,
            size_of_val(&$name),
            $name,
        );)*
    };
}

// Values whose types cannot print themselves, with the text to expect.
macro_rules! texts {
    ($($name:ident = $value:expr, $text:expr;)*) => {
        $(let $name = $value;)*
        $(println!(
            "value\t{}\t{:#x}\t{}\t{}",
            stringify!($name),
            &raw const $name as usize,
            size_of_val(&$name),
            $text,
        );)*
    };
}

// The heap block a value owns: its start and the size that was asked for.
macro_rules! blocks {
    ($($name:ident: $kind:ident $start:expr, $size:expr;)*) => {
        $(println!("block\t{}\t{}\t{:#x}\t{}", stringify!($name), stringify!($kind), $start as usize, $size);)*
    };
}

// Values that own no block at all.
macro_rules! no_blocks {
    ($($name:ident)*) => {$(println!("no-block\t{}", stringify!($name));)*};
}

macro_rules! facts {
    ($($name:ident: $fact:literal = $text:expr;)*) => {
        $(println!("fact\t{}\t{}\t{}", stringify!($name), $fact, $text);)*
    };
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    x: i32,
    y: i32,
}
#[derive(Debug)]
struct Unit;
#[derive(Debug)]
struct Empty {}
#[derive(Debug, Clone)]
struct Pair(u8, String);
#[derive(Debug)]
struct Meters(f64);
#[derive(Debug)]
struct Generic<T, const N: usize> {
    items: [T; N],
    last: Option<T>,
}
#[derive(Debug)]
struct Person {
    name: String,
    age: u8,
    tags: Vec<&'static str>,
    home: Option<Box<Point>>,
}
#[derive(Debug)]
struct Raw {
    r#type: u8,
}
#[derive(Debug, Clone, Copy)]
enum Color {
    Red,
    Green = 7,
    Blue,
}
#[derive(Debug)]
#[repr(i8)]
enum Signed {
    Minus = -1,
    Zero,
}
#[derive(Debug)]
enum Message {
    Quit,
    Move { x: i32, y: i32 },
    Write(String),
    Change(u8, u8, u8),
}
#[derive(Debug)]
enum Wide {
    A(u128),
    B,
}
#[derive(Debug)]
enum Single {
    Only(u8),
}
#[derive(Debug)]
enum Niche {
    Text(String),
    None,
    Other,
    Number(u32),
}
#[derive(Debug)]
enum List {
    Cons(i32, Box<List>),
    Nil,
}
#[derive(Debug)]
struct Node {
    value: i32,
    next: RefCell<Option<Rc<Node>>>,
    parent: RefCell<Weak<Node>>,
}
#[derive(Debug)]
struct Tail<T: ?Sized> {
    head: u16,
    tail: T,
}
#[derive(Debug)]
#[repr(align(64))]
struct Aligned(u8);
#[derive(Debug)]
#[repr(C)]
struct Padded {
    a: u8,
    b: u32,
    c: u8,
}
#[repr(C)]
union Either {
    number: u32,
    float: f32,
}

trait Shape {
    fn area(&self) -> f64;
}
#[derive(Debug)]
struct Circle {
    radius: f64,
}
#[derive(Debug)]
struct Square(f64);
impl Shape for Circle {
    fn area(&self) -> f64 {
        3.0 * self.radius * self.radius
    }
}
impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}
trait Speak: Debug {
    fn speak(&self) -> u8;
}
impl Speak for Circle {
    fn speak(&self) -> u8 {
        1
    }
}
impl Speak for Aligned {
    fn speak(&self) -> u8 {
        2
    }
}
#[derive(Debug)]
struct MyError {
    code: i32,
}
impl std::fmt::Display for MyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {}", self.code)
    }
}
impl std::error::Error for MyError {}

fn add_one(x: u32) -> u32 {
    x + 1
}

struct Yield(bool);
impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
async fn work(name: String) -> usize {
    let length = name.len();
    Yield(false).await;
    let twice = length * 2;
    Yield(false).await;
    println!("{name} {twice}");
    twice
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>, times: usize) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        let _ = future.as_mut().poll(&mut context);
    }
}

fn main() {
    // The poisoned lock needs a panic; nobody wants to read about it.
    std::panic::set_hook(Box::new(|_| {}));
    values! {
        i8_ = -5_i8; i16_ = -300_i16; i32_ = i32::MIN; i64_ = i64::MIN; i128_ = i128::MIN;
        u8_ = 255_u8; u16_ = 65535_u16; u32_ = 7_u32; u64_ = u64::MAX; u128_ = u128::MAX;
        isize_ = -1_isize; usize_ = 42_usize; bool_ = true; unit_ = ();
        char_ = 'x'; char_crab = '🦀'; char_quote = '\''; char_newline = '\n'; char_zero = '\0';
        char_combining = '\u{301}';
        f32_one = 1.0_f32; f32_tenth = 0.1_f32; f32_large = 1e20_f32; f32_nan = f32::NAN;
        f64_one = 1.0; f64_e16 = 1e16; f64_inf = f64::INFINITY; f64_neg_zero = -0.0; f64_small = 1e-7;
        f64_pi = std::f64::consts::PI;
        tuple0 = (); tuple1 = (5_u8,); tuple2 = (1_u8, "two"); tuple3 = (1_u8, 2_u32, 'c');
        array = [1_u16, 2, 3]; array_empty = [0_u32; 0]; array_nested = [[1_u8, 2], [3, 4]];
        array_strings = [String::from("a"), String::new()]; array_units = [(); 3];
        point = Point { x: 1, y: -2 }; unit_struct = Unit; empty_struct = Empty {};
        pair = Pair(3, "three".into()); meters = Meters(2.5);
        generic = Generic::<u8, 2> { items: [1, 2], last: Some(3) };
        raw_name = Raw { r#type: 1 }; aligned = Aligned(9); padded = Padded { a: 1, b: 2, c: 3 };
        person = Person {
            name: "Ada \"the first\"".into(), age: 36, tags: vec!["x", "y"],
            home: Some(Box::new(Point { x: 3, y: 4 })),
        };
        color = Color::Green; color_blue = Color::Blue; signed = Signed::Minus; signed_zero = Signed::Zero;
        ordering = Ordering::Less; message_quit = Message::Quit; message_move = Message::Move { x: 1, y: 2 };
        message_write = Message::Write("hi".into()); message_change = Message::Change(1, 2, 3);
        wide_a = Wide::A(1 << 100); wide_b = Wide::B; single = Single::Only(4);
        niche_text = Niche::Text("t".into()); niche_none = Niche::None; niche_other = Niche::Other;
        niche_number = Niche::Number(8);
        some = Some(5_u32); none = None::<u32>; some_str = Some("a"); none_str = None::<&str>;
        some_string = Some(String::from("s")); none_string = None::<String>;
        some_box = Some(Box::new(1_u8)); none_box = None::<Box<u8>>; some_some = Some(Some(true));
        some_none = Some(None::<bool>); none_none = None::<Option<bool>>; option_char = Some('c');
        some_vec = Some(vec![1_u8]); none_vec = None::<Vec<u8>>; option_nonzero = NonZeroU8::new(5);
        ok = Ok::<u8, String>(1); err = Err::<u8, String>("bad".into()); ok_unit = Ok::<(), ParseIntError>(());
        parse_error = "x".parse::<i32>(); utf8_error = String::from_utf8(vec![b'a', 0xff]).map_err(|e| e.utf8_error());
        control = ControlFlow::<u8, u8>::Break(3); bound = Bound::Included(3_u8); poll_pending = Poll::<u8>::Pending;
        list = List::Cons(1, Box::new(List::Cons(2, Box::new(List::Nil))));
        string = String::from("hello"); string_empty = String::new();
        string_escapes = String::from("a\"b\\c\n\t'é🦀\u{7f}\u{200b}\0");
        string_capacity = { let mut s = String::with_capacity(64); s.push_str("room"); s };
        str_ = "literal"; str_empty = ""; str_sub = &"hello world"[6..]; str_ref = &"two hops";
        string_ref = &String::from("behind"); string_box = Box::new(String::from("boxed"));
        box_str = Box::<str>::from("bs"); rc_str = Rc::<str>::from("rs"); arc_str = Arc::<str>::from("as");
        cow_borrowed = Cow::Borrowed("cow"); cow_owned = Cow::<str>::Owned("own".into());
        cow_slice = Cow::<[u8]>::Borrowed(&[1, 2]);
        os_string = OsString::from("os"); os_invalid = OsString::from_vec(vec![b'a', 0xff, b'"', b'b']);
        os_str = OsStr::from_bytes(b"x\xfey"); path_buf = PathBuf::from("/tmp/a b"); path = Path::new("rel/é");
        box_path = Box::<Path>::from(Path::new("bp")); rc_path = Rc::<Path>::from(Path::new("rp"));
        c_string = CString::new("c \"str\" \n").unwrap(); c_str = c"c lit"; c_invalid = CString::new(vec![b'a', 0xff]).unwrap();
        c_box = CString::new("boxed c").unwrap().into_boxed_c_str(); os_box = OsString::from("ob").into_boxed_os_str();
        vec_ = vec![1_u32, 2, 3]; vec_empty = Vec::<u32>::new(); vec_units = vec![(); 4];
        vec_spare = { let mut v = Vec::with_capacity(10); v.push(1_u64); v };
        vec_strings = vec![String::from("a"), String::from("b")]; vec_nested = vec![vec![1_u8], vec![], vec![2, 3]];
        vec_points = vec![Point { x: 0, y: 1 }, Point { x: 2, y: 3 }]; vec_bools = vec![true, false];
        vec_options = vec![Some(1_u8), None]; vec_boxes = vec![Box::new(1_u8), Box::new(2)];
        vec_long = (0..90_u8).collect::<Vec<u8>>(); vec_tuples = vec![(1_u8, 'a'), (2, 'b')];
        slice = &[1_u8, 2, 3][..]; slice_empty = &[0_u8; 0][..]; slice_strings = &["a", "b"][..];
        slice_points = &[Point { x: 1, y: 2 }][..]; slice_sub = &[1_u32, 2, 3, 4][1..3];
        box_slice = vec![1_u16, 2].into_boxed_slice(); box_slice_empty = Vec::<u16>::new().into_boxed_slice();
        rc_slice = Rc::<[u16]>::from(vec![7, 8]); arc_slice = Arc::<[String]>::from(vec![String::from("z")]);
        rc_slice_points = Rc::<[Point]>::from(vec![Point { x: 5, y: 6 }]);
        boxed = Box::new(5_u32); boxed_point = Box::new(Point { x: 1, y: 2 }); boxed_unit = Box::new(());
        box_box = Box::new(Box::new(3_u8)); box_array = Box::new([1_u8; 4]);
        reference = &Point { x: 7, y: 8 }; reference2 = &&5_u8; mutable = &mut 6_u16;
        tail_ref = &Tail { head: 1, tail: [1_u32, 2, 3] } as &Tail<[u32]>;
        tail_box = Box::new(Tail { head: 2, tail: [1_u8, 2] }) as Box<Tail<[u8]>>;
        tail_dyn = &Tail { head: 3, tail: Circle { radius: 1.5 } } as &Tail<dyn Speak>;
        tail_aligned = Box::new(Tail { head: 4, tail: Aligned(5) }) as Box<Tail<dyn Speak>>;
        dyn_box = Box::new(Circle { radius: 2.0 }) as Box<dyn Speak>; dyn_ref = &Circle { radius: 3.0 } as &dyn Speak;
        dyn_rc = Rc::new(Circle { radius: 4.0 }) as Rc<dyn Speak>; dyn_arc = Arc::new(Aligned(6)) as Arc<dyn Speak>;
        dyn_aligned = Rc::new(Aligned(7)) as Rc<dyn Speak>; dyn_cell = Rc::new(RefCell::new(Circle { radius: 5.0 })) as Rc<RefCell<dyn Speak>>;
        dyn_vec = vec![Box::new(Circle { radius: 1.0 }) as Box<dyn Speak>, Box::new(Aligned(1))];
        dyn_debug = Box::new(vec![1_u8, 2]) as Box<dyn Debug>; dyn_debug_str = &"text" as &dyn Debug;
        dyn_error = Box::new(MyError { code: 3 }) as Box<dyn std::error::Error>;
        dyn_string_error = Box::<dyn std::error::Error>::from("plain text");
        dyn_send_error = Box::<dyn std::error::Error + Send + Sync>::from(String::from("sent"));
        dyn_parse_error = Box::<dyn std::error::Error>::from("x".parse::<u8>().unwrap_err());
        rc = Rc::new(5_u32); rc_point = Rc::new(Point { x: 9, y: 9 }); arc = Arc::new(String::from("shared"));
        rc2 = rc.clone(); rc_weak = Rc::downgrade(&rc); arc_weak = Arc::downgrade(&arc);
        weak_new = Weak::<u32>::new(); weak_dead = Rc::downgrade(&Rc::new(String::from("gone")));
        weak_str = Rc::downgrade(&rc_str); weak_dyn = Rc::downgrade(&dyn_rc); rc_unit = Rc::new(());
        cell = Cell::new(3_u8); cell_point = Cell::new(Point { x: 1, y: 1 }); ref_cell = RefCell::new(vec![1_u8]);
        ref_cell_shared = RefCell::new(5_u32); shared1 = ref_cell_shared.borrow(); shared2 = ref_cell_shared.borrow();
        ref_cell_mut = RefCell::new(String::from("m")); mut1 = ref_cell_mut.borrow_mut();
        unsafe_cell = UnsafeCell::new(1_u8); once_empty = OnceCell::<u32>::new(); once_full = OnceCell::from(String::from("o"));
        mutex = Mutex::new(1_u32); mutex_string = Mutex::new(String::from("ms")); mutex_locked = Mutex::new(2_u64);
        guard = mutex_locked.lock().unwrap();
        poisoned = { let m = Arc::new(Mutex::new(3_u8)); let n = m.clone();
            let _ = std::thread::spawn(move || { let _g = n.lock(); std::panic::panic_any(1); }).join(); m };
        rw_lock = RwLock::new(4_u8); rw_read = RwLock::new(5_u8); reader = rw_read.read().unwrap();
        rw_written = RwLock::new(6_u8); writer = rw_written.write().unwrap();
        arc_mutex = Arc::new(Mutex::new(vec![1_u8, 2])); rc_ref_cell = Rc::new(RefCell::new(Point { x: 3, y: 3 }));
        once_lock_empty = OnceLock::<String>::new(); once_lock_full = OnceLock::from(String::from("ol"));
        lazy_cell = LazyCell::<u32>::new(|| 4); lazy_forced = { let l = LazyCell::<u32>::new(|| 4); let _ = *l; l };
        lazy_lock = LazyLock::<String>::new(|| "l".into()); lazy_lock_forced = { let l = LazyLock::<String>::new(|| "l".into()); let _ = l.len(); l };
        atomic_usize = AtomicUsize::new(5); atomic_u8 = AtomicU8::new(6); atomic_i64 = AtomicI64::new(-7);
        atomic_bool = AtomicBool::new(true); atomic_ptr = AtomicPtr::<u8>::new(std::ptr::null_mut());
        nonzero = NonZero::new(4_u32).unwrap(); nonzero_neg = NonZero::new(-4_i64).unwrap(); wrapping = Wrapping(5_u8); saturating = Saturating(6_u8);
        reverse = Reverse(1_u8); manually = ManuallyDrop::new(String::from("md")); maybe = MaybeUninit::new(4_u32);
        maybe_vec = MaybeUninit::<Vec<u8>>::uninit();
        phantom = PhantomData::<u32>; phantom_vec = PhantomData::<Vec<u8>>; non_null = NonNull::from(&u32_);
        raw_const = &raw const u32_; raw_null = std::ptr::null::<u8>(); raw_mut = &raw const u8_ as *mut u8;
        raw_slice = &raw const slice[..]; fn_pointer = add_one as fn(u32) -> u32;
        duration = Duration::from_millis(1500); duration_ns = Duration::from_nanos(17); duration_zero = Duration::ZERO;
        instant = Instant::now(); system_time = SystemTime::now(); layout = Layout::new::<u64>();
        range = 0..5_u8; range_inclusive = 0..=5_i32; range_from = 3_u8..; range_to = ..4_u8; range_to_inclusive = ..=4_u8; range_full = ..;
        range_exhausted = { let mut r = 0..=1_u8; let _ = r.by_ref().count(); r };
        ipv4 = Ipv4Addr::LOCALHOST; ipv6 = Ipv6Addr::LOCALHOST; ip = IpAddr::V6("2001:db8::7".parse().unwrap());
        socket4 = "1.2.3.4:80".parse::<SocketAddr>().unwrap(); socket6 = "[fe80::1]:443".parse::<SocketAddr>().unwrap();
        socket_scope = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 0, 3);
        hash_map = HashMap::from([("a".to_string(), 1_u32), ("b".to_string(), 2), ("c".to_string(), 3)]);
        hash_map_empty = HashMap::<u8, u8>::new(); hash_map_large = (0..1000_u32).map(|n| (n, n * 2)).collect::<HashMap<_, _>>();
        hash_map_nested = HashMap::from([(1_u8, vec![String::from("n")])]);
        hash_map_removed = { let mut m = (0..50_u8).map(|n| (n, n)).collect::<HashMap<_, _>>(); m.retain(|k, _| k % 7 == 0); m };
        hash_set = HashSet::from([1_u8, 2, 3]); hash_set_strings = HashSet::from(["x".to_string()]); hash_set_units = HashSet::from([()]);
        btree_map = BTreeMap::from([(2_u32, "two".to_string()), (1, "one".to_string())]); btree_map_empty = BTreeMap::<u8, u8>::new();
        btree_map_large = (0..500_u16).map(|n| (n, n.to_string())).collect::<BTreeMap<_, _>>();
        btree_map_drained = { let mut m = (0..300_u16).map(|n| (n, n)).collect::<BTreeMap<_, _>>(); m.retain(|k, _| k % 3 == 0); m };
        btree_emptied = { let mut m = BTreeMap::from([(1_u8, 1_u8)]); m.clear(); m };
        btree_set = BTreeSet::from([3_u8, 1, 2]); btree_set_large = (0..100_u8).collect::<BTreeSet<_>>();
        deque = VecDeque::from([1_u16, 2, 3]); deque_empty = VecDeque::<u8>::new();
        deque_wrapped = { let mut d = VecDeque::with_capacity(4); d.extend([1_u8, 2, 3, 4]); d.pop_front(); d.pop_front(); d.push_back(5); d };
        deque_strings = { let mut d = VecDeque::from(["b".to_string()]); d.push_front("a".to_string()); d };
        linked = LinkedList::from([1_u32, 2, 3]); linked_empty = LinkedList::<u8>::new(); linked_strings = LinkedList::from(["l".to_string()]);
        heap = BinaryHeap::from([3_u8, 9, 4]); heap_reverse = BinaryHeap::from([Reverse(2_u8), Reverse(1)]);
        into_iter = { let mut i = vec![1_u32, 2, 3, 4].into_iter(); i.next(); i }; iter = { let mut i = vec_.iter(); i.next(); i };
        into_iter_units = vec![(); 3].into_iter(); iter_units = vec_units.iter();
        array_iter = { let mut i = ["a", "b", "c"].map(String::from).into_iter(); i.next(); i.next_back(); i };
        array_iter_done = { let mut i = [7_u16, 8].into_iter(); i.by_ref().for_each(drop); i }; array_iter_units = [(); 2].into_iter();
    }
    let (sender, receiver) = mpsc::channel::<u32>();
    let (sync_sender, sync_receiver) = mpsc::sync_channel::<u32>(2);
    values! {
        sender_ = sender; receiver_ = receiver; sync_sender_ = sync_sender;
        join_handle = std::thread::spawn(|| std::thread::park());
        thread_id = std::thread::current().id(); type_unit = std::sync::Once::new();
        condvar = std::sync::Condvar::new(); barrier = std::sync::Barrier::new(2);
        io_os = std::io::Error::from_raw_os_error(2); io_kind = std::io::Error::from(std::io::ErrorKind::NotFound);
        io_custom = std::io::Error::other("custom"); io_result = Err::<u8, _>(std::io::Error::from_raw_os_error(13));
        pin_box = Box::pin(5_u8); pin_ref = Pin::new(&5_u8); iter_mut_source = vec![1_u8, 2];
        string_from_utf8 = String::from_utf8(vec![0xff]).is_err(); nested_tuple = ((1_u8, (2_u8, "x")), [Some(1_u8), None]);
        rc_tree = { let root = Rc::new(Node { value: 1, next: RefCell::new(None), parent: RefCell::new(Weak::new()) });
            let child = Rc::new(Node { value: 2, next: RefCell::new(None), parent: RefCell::new(Rc::downgrade(&root)) });
            *root.next.borrow_mut() = Some(child); root };
    }
    let key = 5_u32;
    let text = String::from("captured");
    let mut future_new = Box::pin(work("f0".into()));
    let mut future_one = Box::pin(work("f1".into()));
    let mut future_two = Box::pin(work("f2".into()));
    let mut future_done = Box::pin(work("f3".into()));
    poll(&mut future_one, 1);
    poll(&mut future_two, 2);
    poll(&mut future_done, 3);
    let mut future_dyn: Pin<Box<dyn Future<Output = usize>>> = Box::pin(work("fd".into()));
    poll(&mut future_dyn, 1);
    let cycle = Rc::new(Node {
        value: 1,
        next: RefCell::new(None),
        parent: RefCell::new(Weak::new()),
    });
    *cycle.next.borrow_mut() = Some(cycle.clone());
    let locked_cycle = Rc::new(Node {
        value: 2,
        next: RefCell::new(None),
        parent: RefCell::new(Weak::new()),
    });
    let mut locked_guard = locked_cycle.next.borrow_mut();
    *locked_guard = Some(locked_cycle.clone());
    texts! {
        locked_cycle_ = locked_cycle.clone(), "Node { value: 2, next: RefCell { value: <borrowed> }, parent: RefCell { value: (Weak) } }";
        fn_item = add_one, "fn(u32) -> u32";
        closure_none = |x: u32| x, "Closure";
        closure_move = move |x: u32| x + key, "Closure { key: 5 }";
        closure_ref = || text.len(), "Closure { text: \"captured\" }";
        dyn_shape = Box::new(Circle { radius: 6.0 }) as Box<dyn Shape>, "Circle { radius: 6.0 }";
        dyn_shapes = vec![Box::new(Square(1.0)) as Box<dyn Shape>, Box::new(Circle { radius: 2.0 })], "[Square(1.0), Circle { radius: 2.0 }]";
        dyn_fn = Box::new(move |x: u32| x + key) as Box<dyn Fn(u32) -> u32>, "Closure { key: 5 }";
        cycle_ = cycle, "Node { value: 1, next: RefCell { value: Some(…) }, parent: RefCell { value: (Weak) } }";
        future_new_ = future_new, "Unresumed { name: \"f0\" }";
    }
    println!(
        "future\tfuture_one\t{:#x}\tSuspend0",
        &raw const future_one as usize
    );
    println!(
        "future\tfuture_two\t{:#x}\tSuspend1",
        &raw const future_two as usize
    );
    println!(
        "future\tfuture_done\t{:#x}\tReturned",
        &raw const future_done as usize
    );
    println!(
        "future\tfuture_dyn\t{:#x}\tSuspend0",
        &raw const future_dyn as usize
    );
    blocks! {
        string: owns string.as_ptr(), string.capacity(); string_capacity: owns string_capacity.as_ptr(), string_capacity.capacity();
        vec_: owns vec_.as_ptr(), 12; vec_spare: owns vec_spare.as_ptr(), vec_spare.capacity() * 8;
        vec_strings: owns vec_strings.as_ptr(), 48; vec_nested: owns vec_nested.as_ptr(), 72;
        boxed: owns &raw const *boxed, 4; boxed_point: owns &raw const *boxed_point, 8; box_str: owns box_str.as_ptr(), 2;
        box_slice: owns box_slice.as_ptr(), 4; box_box: owns &raw const *box_box, 8; box_path: owns box_path.as_os_str().as_bytes().as_ptr(), 2;
        path_buf: owns path_buf.as_os_str().as_bytes().as_ptr(), path_buf.capacity(); os_string: owns os_string.as_bytes().as_ptr(), os_string.capacity();
        c_string: owns c_string.as_ptr(), c_string.as_bytes_with_nul().len();
        rc: shares Rc::as_ptr(&rc) as usize - 16, 24; rc2: shares Rc::as_ptr(&rc) as usize - 16, 24;
        rc_weak: weak Rc::as_ptr(&rc) as usize - 16, 24; rc_str: shares Rc::as_ptr(&rc_str) as *const u8 as usize - 16, 24;
        rc_slice: shares Rc::as_ptr(&rc_slice) as *const u8 as usize - 16, 24; arc: shares Arc::as_ptr(&arc) as usize - 16, 40;
        dyn_rc: shares Rc::as_ptr(&dyn_rc) as *const u8 as usize - 16, 24; dyn_box: owns &raw const *dyn_box as *const u8, 8;
        dyn_aligned: shares Rc::as_ptr(&dyn_aligned) as *const u8 as usize - 64, 128;
        tail_box: owns &raw const *tail_box as *const u8, 4; tail_aligned: owns &raw const *tail_aligned as *const u8, 128;
        deque: owns deque.as_slices().0.as_ptr(), deque.capacity() * 2; heap: owns heap.as_slice().as_ptr(), heap.capacity();
        array_iter: owns array_iter.as_slice()[0].as_ptr(), 1;
        into_iter: owns into_iter.as_slice().as_ptr() as usize - 4, 16; some_box: owns &raw const **some_box.as_ref().unwrap(), 1;
        some_string: owns some_string.as_ref().unwrap().as_ptr(), 1; pin_box: owns &raw const *pin_box, 1;
        linked: owns linked.front().unwrap() as *const u32 as usize - 16, 24;
        cow_owned: owns cow_owned.as_ptr(), 3; lazy_lock_forced: owns lazy_lock_forced.as_ptr(), 1;
        once_lock_full: owns once_lock_full.get().unwrap().as_ptr(), 2; manually: owns manually.as_ptr(), 2;
    }
    no_blocks! {
        string_empty vec_empty vec_units none_string none_box none_vec box_slice_empty boxed_unit hash_map_empty
        btree_map_empty deque_empty linked_empty weak_new cow_borrowed str_ slice maybe_vec once_lock_empty lazy_lock
        into_iter_units array_iter_done
    }
    facts! {
        string_capacity: "len" = string_capacity.len(); string_capacity: "capacity" = string_capacity.capacity();
        vec_spare: "len" = vec_spare.len(); vec_spare: "capacity" = vec_spare.capacity(); string_empty: "heap" = "no heap block yet";
        rc: "strong" = Rc::strong_count(&rc); rc: "weak" = Rc::weak_count(&rc); arc: "strong" = Arc::strong_count(&arc); arc: "weak" = Arc::weak_count(&arc);
        rc_weak: "strong" = rc_weak.strong_count(); rc_weak: "weak" = rc_weak.weak_count(); weak_dead: "strong" = weak_dead.strong_count();
        dyn_rc: "strong" = Rc::strong_count(&dyn_rc); dyn_rc: "weak" = Rc::weak_count(&dyn_rc);
        ref_cell: "borrowed" = "no"; ref_cell_shared: "borrowed" = "2 times"; ref_cell_mut: "borrowed" = "mutably"; ref_cell_mut: "inside" = "\"m\"";
        mutex: "locked" = "no"; mutex_locked: "locked" = "yes"; mutex_locked: "inside" = "2"; rw_read: "locked" = "for reading"; rw_written: "locked" = "for writing";
        mutex: "poisoned" = "false"; fn_pointer: "function" = "values::add_one"; hash_map: "len" = hash_map.len(); dyn_box: "dyn" = "values::Circle";
        hash_map_large: "len" = hash_map_large.len(); btree_map_large: "len" = 500; linked: "len" = 3; deque_wrapped: "capacity" = deque_wrapped.capacity();
        str_: "len" = 7; slice: "len" = 3;
    }
    println!("ready");
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::hint::black_box((&closure_none, &closure_move, &closure_ref, &either()));
}

fn either() -> Either {
    Either { number: 1 }
}
