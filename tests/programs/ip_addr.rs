//! Addresses of the internet are plain bytes in an enum.
//! exit: 0

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

fn main() {
    let four = Ipv4Addr::new(127, 0, 0, 1);
    let home = IpAddr::V4(four);
    let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
    println!("=home {home:?}\n=six {six:?}\n=home.size {}\n@home {:p}", size_of_val(&home), &home); // <both>
    //   home: live, place stack, at printed, size 17, owns nothing; home = 127.0.0.1; six = ::1
    let door = SocketAddr::new(home, 8080);
    println!("=door {door:?}\n=four {four:?}"); // <door> door = 127.0.0.1:8080; four = 127.0.0.1
}
