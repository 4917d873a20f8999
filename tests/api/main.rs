//! Black-box tests: over HTTP, against the real program, on both engines; every test has an organisation of its own.

mod children;
mod customers;
mod lists;
mod rights;
