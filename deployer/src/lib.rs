//! Builds the contract programs to Stylus bytecode, exports their ABIs and puts them on a chain.
