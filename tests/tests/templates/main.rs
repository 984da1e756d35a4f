//! What is written for others' tools to read: the Packer template, the systems of CloudFormation and Terraform, and every user data
//! that they or `userdata/ways-in` carry.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod cloudformation;
mod example;
mod packer;
mod terraform;
mod tools;
mod ways_in;
