//! A program with many kinds of statements; `tests/line_table.rs` says what `//~` means.

use std::future::Future;
macro_rules! twice {
    ($e:expr) => {{
        let first = $e; //~ Line
        first + $e
    }};
}
thread_local! {
    static COUNT: std::cell::Cell<u32> = std::cell::Cell::new(std::hint::black_box(7)); //~ Line
}
#[derive(Clone, Debug, PartialEq)] //~ none
struct Pair {
    a: String, //~ none
    b: u32, //~ none
}
trait Area {
    fn area(&self) -> u32 { self.side() * self.side() } //~ Head, ScopeEnd, Tail
    fn side(&self) -> u32;
}
impl Area for Pair {
    fn side(&self) -> u32 { //~ Head
        self.b //~ Tail
    } //~ ScopeEnd
}
static TABLE: [fn(u32) -> u32; 1] = [|n| n + 1]; //~ Head, Tail
struct Noisy(&'static str);
impl Drop for Noisy {
    fn drop(&mut self) { println!("{}", self.0); } //~ Expression, Head, ScopeEnd
}
pub fn add(p: &mut Vec<i32>, k: i32) -> i32 { p.push(k); p.len() as i32 + k } //~ Expression, Head, ScopeEnd, Tail
async fn work(s: String, n: u32) -> usize { //~ Head
    let t = Noisy("t"); //~ Let
    std::future::ready(n).await; //~ Expression
    s.len() + t.0.len() //~ Tail
} //~ ScopeEnd
fn choose(c: bool) -> String { //~ Head
    let x = if c { String::from("a") } else { String::from("b") }; //~ Condition, Let, Tail
    let y = loop { //~ Let
        if c { //~ Condition
            break 3;
        }
        return x; //~ Expression
    };
    let z = {
        let inner = Noisy("inner"); //~ Let
        inner.0.len() + y //~ Tail
    }; //~ ScopeEnd
    match z { //~ Condition
        0 => x, //~ Tail
        n if n > 100 => { let _n = Noisy("n"); format!("{n}") } //~ Let, MatchArm, ScopeEnd, Tail
        _ => x.clone() + "q", //~ Tail
    }
} //~ ScopeEnd
fn opt(v: Option<&str>) -> Option<usize> { //~ Head
    let Some(s) = v else { //~ Let
        println!("none"); //~ Expression
        return None; //~ Expression
    };
    if let Some(c) = s.chars().next() && c == 'a' { //~ Condition
        println!("a"); //~ Expression
    } else if s.len() > 3 { //~ Condition
        println!("long"); //~ Expression
    }
    let n: usize = s.parse().ok()?; //~ Let
    Some(n) //~ Tail
} //~ ScopeEnd
fn main() { //~ Head
    let mut v = vec![1, 2, 3]; //~ Let
    add(&mut v, 4); //~ Expression
    let s: i32 = v.iter().map(|x| x + 1).filter(|&x| x > 2).sum(); //~ Head, Let, Tail
    v.iter().for_each(|x| { //~ Expression, Head
        let y = x * 2; //~ Let
        println!("{y}"); //~ Expression
    }); //~ ScopeEnd
    for i in 0..2 { //~ LoopHead
        let _a = Noisy("loop"); //~ Let
        if i == 1 { continue; } //~ Condition
        println!("{i} {s}"); //~ Expression
    } //~ ScopeEnd
    let mut k = 0; //~ Let
    while k < 3 { //~ LoopHead
        k += 1; //~ Expression
    }
    while let Some(x) = v.pop() { //~ LoopHead
        println!("{x}"); //~ Expression
    }
    let owned = String::from("x"); //~ Let
    let f = move |a: usize| owned.len() + a; //~ Head, Let, Tail
    println!("{}", f(2)); //~ Expression
    unsafe { std::hint::black_box(&k); } //~ Expression
    {
        let _b = Noisy("b"); //~ Let
    } //~ ScopeEnd
    let mut fut = Box::pin(work(choose(true), 2)); //~ Let
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop()); //~ Let
    let _ = fut.as_mut().poll(&mut cx); //~ Let
    opt(Some("abcd")); opt(None); //~ Expression
    let pair = Pair { a: String::from("a"), b: std::hint::black_box(2) }; //~ Let
    let same = pair.clone() == pair //~ Let
        && pair.area() > 1; //~ Let
    println!("{same} {pair:?} {}", TABLE[0](1)); //~ Expression
    let n = twice!(pair.side()); //~ Let
    COUNT.with(|count| count.set(n)); //~ Expression, Head, Tail
    let lock = std::sync::Mutex::new(vec![1]); //~ Let
    match lock.lock().unwrap().len() { //~ Condition
        1 => {}
        _ => return,
    } //~ ScopeEnd
    let deferred = |(x, y): (u32, u32)| -> u32 { //~ Head
        let sum = x
            .checked_add(y) //~ Let
            .unwrap(); //~ Let
        sum
    }; //~ ScopeEnd
    let picked = match deferred((1, 2)) { //~ Condition
        3 if n > 100 => "big", //~ MatchArm, Tail
        1 | 3 => "small", //~ Tail
        _ => unreachable!(), //~ Tail
    };
    println!("{picked} é {}", { picked.len() }); //~ Expression
    let inner = {
        fn nested(x: u32) -> u32 { //~ Head
            x + 1 //~ Tail
        } //~ ScopeEnd
        nested(n) //~ Tail
    };
    let boxed: Box<dyn Fn(u32) -> u32> = if inner > 3 { //~ Condition
        Box::new(move |x| x + inner) //~ Head, Tail
    } else {
        Box::new(|x| x) //~ Head, Tail
    };
    'outer: loop {
        loop { //~ Tail
            if boxed(3) > 0 { //~ Condition
                break 'outer;
            }
        }
    }
    let mut u;
    u = 3; //~ Expression
    u += k; //~ Expression
    let (a, b) = (u, String::new()); //~ Let
    let blk = async move { b.len() + a as usize }; //~ Let
    drop(blk); //~ Expression
    let t = (1, [2; 4]).1[a as usize % 2]; //~ Let
    assert!(t == 2, "no"); //~ Expression
} //~ ScopeEnd
