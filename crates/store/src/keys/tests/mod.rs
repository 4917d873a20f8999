mod bed;
mod guard;
mod index;
mod reseal;
mod roots;
