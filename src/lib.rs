pub mod egress;
pub mod resolve;
