mod audit;
mod bed;
mod keep;
mod mark;
mod record;
mod tamper;
mod vectors;
mod verify;
