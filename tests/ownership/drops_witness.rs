//! Straight on: the order of the drops is the order of the lines that they print. Each value prints
//! the name of what it is dropped as.
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

struct Pair {
    left: Noisy,
    right: Noisy,
}

fn pass(noisy: Noisy) -> Noisy {
    noisy
}

fn main() {
    let first = Noisy("first");
    let mut again = Noisy("again");
    let left = Noisy("taken");
    let right = Noisy("pair.right");
    let shadowed = Noisy("shadowed#1");
    let shadowed = (shadowed.0.len(), Noisy("shadowed#2"));
    again = Noisy("again");
    let _ = Noisy("underscore");
    {
        let inner = Noisy("inner");
        let deeper = Noisy("deeper");
        let _both = (&inner, &deeper);
    }
    let pair = Pair { left, right };
    let taken = pair.left;
    drop(taken);
    let passed = pass(Noisy("passed"));
    let length = Noisy("in a statement").0.len();
    let boxed = Box::new(Noisy("unboxed"));
    let unboxed = *boxed;
    let late;
    late = Noisy("late");
    let list = [Noisy("list")];
    for item in list {
        std::mem::forget(item);
    }
    let Some(found) = Some(Noisy("found")) else {
        return;
    };
    let _unused = (length, &first, &passed, &unboxed, &late, &shadowed.1, &again, &found);
}
