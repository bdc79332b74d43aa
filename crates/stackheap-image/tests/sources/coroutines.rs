//! Polls an `async` function to its end, and prints where its values lie in each state.
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

struct Once(bool);
impl Future for Once {
    type Output = u32;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        if self.0 {
            return Poll::Ready(7);
        }
        self.0 = true;
        Poll::Pending
    }
}

async fn work(text: String) -> usize { // begins here
    let first = Once(false).await; // first await
    let list = vec![first];
    println!("kept list {:p}", &list);
    let second = Once(false).await; // second await
    text.len() + list.len() + second as usize
}

fn main() {
    let mut future = pin!(work(String::from("text")));
    let mut context = Context::from_waker(Waker::noop());
    let size = size_of_val(&*future);
    loop {
        let at: *const u8 = (&raw const *future).cast();
        let bytes: Vec<String> =
            (0..size).map(|i| format!("{:02x}", unsafe { at.add(i).cast::<std::mem::MaybeUninit<u8>>().read_volatile().assume_init() })).collect();
        println!("future {at:p} {size} {}", bytes.concat());
        if future.as_mut().poll(&mut context).is_ready() {
            break;
        }
    }
    println!("future {:p} {size} {}", &raw const *future, {
        let at: *const u8 = (&raw const *future).cast();
        (0..size).map(|i| format!("{:02x}", unsafe { at.add(i).read_volatile() })).collect::<String>()
    });
}
