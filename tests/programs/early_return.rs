//! A function may return in the middle; what it owns by then is dropped all the same.
//! exit: 0

struct Ticket(u8);

impl Drop for Ticket {
    fn drop(&mut self) {
        println!("ticket {} is torn", self.0); // <torn#2> frames = drop, ride, main
    }
}

fn ride(stops: u8) -> u8 {
    let ticket = Ticket(stops);
    if stops > 3 {
        println!("=stops {stops}\n=ticket.0 {}", ticket.0); // <too-far> stops = 9; ticket: live; ticket.0 = 9
        return 3;
    }
    let second = Ticket(100);
    println!("=second.0 {}", second.0); // <near> second.0 = 100; ticket: live
    ticket.0 + 1
}

fn main() {
    let near = ride(2);
    let far = ride(9);
    println!("=near {near}\n=far {far}"); // <both> near = 3; far = 3
}
