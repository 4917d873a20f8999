mod bed;
mod keep;
mod mark;
mod tamper;
mod verify;
