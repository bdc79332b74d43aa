//! Several owners of one changeable value: `Rc<RefCell<T>>`.
//! exit: 0

use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug)]
struct Account {
    cents: i64,
    history: Vec<i64>,
}

struct Clerk {
    account: Rc<RefCell<Account>>,
}

impl Clerk {
    fn book(&self, cents: i64) {
        let mut account = self.account.borrow_mut();
        account.cents += cents;
        account.history.push(cents);
        println!("=account {account:?}"); // <booked#2> frames = book, main; account: live, place stack
        //   account = Account { cents: 700, history: [1000, -300] }
    }
}

fn main() {
    let account = Rc::new(RefCell::new(Account { cents: 0, history: Vec::new() }));
    let ann = Clerk { account: Rc::clone(&account) };
    let ben = Clerk { account: Rc::clone(&account) };
    println!("=account.strong {}\n=account {account:?}", Rc::strong_count(&account)); // <three>
    //   account: live, place stack, shares block with ann, shares block with ben; account.strong = 3
    //   account = RefCell { value: Account { cents: 0, history: [] } }
    ann.book(1000);
    ben.book(-300);
    drop(ann);
    let balance = account.borrow().cents;
    println!("=balance {balance}\n=account.strong {}", Rc::strong_count(&account)); // <one-gone>
    //   balance = 700; account.strong = 2
    println!("{}", ben.account.borrow().history.len());
}
