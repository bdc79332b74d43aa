//! Two tasks take turns in one thread: between two polls a task is only a block on the heap.
//! exit: 0

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

struct Yield {
    done: bool,
}

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if self.done {
            return Poll::Ready(());
        }
        self.done = true;
        Poll::Pending
    }
}

async fn rower(name: &'static str, strokes: u32) {
    let mut log = Vec::new();
    for stroke in 1..=strokes {
        log.push(stroke);
        println!("=stroke {stroke}\n=log {log:?}"); // <stroke#4> stroke = 2; log = [1, 2]; log: live, owns a block; strokes: unknown
        //   <stroke#1> strokes: live, place stack; stroke = 1
        Yield { done: false }.await;
    }
    println!("{name} rests after {} strokes", log.len());
}

fn main() {
    let mut tasks: VecDeque<Task> = VecDeque::new();
    tasks.push_back(Box::pin(rower("Al", 3)));
    tasks.push_back(Box::pin(rower("Bo", 2)));
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 0;
    while let Some(mut task) = tasks.pop_front() {
        polls += 1; // <poll#3> polls = 2; task: live, place stack, owns a block; tasks: owns 3 blocks in all
        println!("=polls {}", polls - 1);
        if task.as_mut().poll(&mut cx).is_pending() {
            tasks.push_back(task);
        }
    }
    println!("=polls {polls}\n=tasks.len {}", tasks.len()); // <done> polls = 7; tasks.len = 0
}
