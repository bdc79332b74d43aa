//! `match` takes a value apart: literals, ranges, bindings, guards, nested patterns.
//! exit: 0

enum Order {
    Steer { degrees: i32, by: Option<&'static str> },
    Say(String),
    Stop,
}

fn obey(order: Order) -> usize {
    match order {
        Order::Steer { degrees: d @ -10..=10, .. } => {
            println!("=d {d}"); // <slight> d = -4
            1
        }
        Order::Steer { degrees, by: Some(who) } if who.len() > 2 => {
            println!("=degrees {degrees}\n=who {who:?}"); // <by-whom> degrees = 90; who = "Ann"
            2
        }
        Order::Steer { .. } => 3,
        Order::Say(text) => {
            println!("=text {text:?}\n=text.bytes {}", text.capacity()); // <moved-out>
            //   text: live, place stack, owns 4 bytes on the heap; text = "ahoy"
            text.len()
        }
        Order::Stop => 0,
    }
}

fn main() {
    let orders = [
        Order::Steer { degrees: -4, by: None },
        Order::Steer { degrees: 90, by: Some("Ann") },
        Order::Steer { degrees: 90, by: Some("Al") },
        Order::Say("ahoy".to_string()),
        Order::Stop,
    ];
    let results = orders.map(obey);
    println!("=results {results:?}"); // <results> results = [1, 2, 3, 4, 0]
    let grade = match results.iter().sum() {
        0..=5 => 'c',
        6 | 7 => 'b',
        n if n % 2 == 0 => 'a',
        _ => '?',
    };
    println!("=grade {grade:?}"); // <grade> grade = 'a'
}
