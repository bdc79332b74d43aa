//! The sieve of Eratosthenes: loops over a `Vec<bool>`.
//! exit: 0

fn main() {
    let limit = 30;
    let mut prime = vec![true; limit + 1];
    prime[0] = false;
    prime[1] = false;
    let mut n = 2;
    while n * n <= limit {
        if prime[n] {
            let mut multiple = n * n;
            while multiple <= limit {
                prime[multiple] = false; // <strike#15> multiple = 9; n = 3
                println!("=multiple {multiple}\n=n {n}");
                multiple += n;
            }
        }
        n += 1;
    }
    let primes: Vec<usize> = (0..=limit).filter(|&i| prime[i]).collect();
    println!("=primes {primes:?}\n=n {n}\n=prime.bytes {}", prime.capacity()); // <primes>
    //   primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]; n = 6; prime: owns 31 bytes on the heap
}
