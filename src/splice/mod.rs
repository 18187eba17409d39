//! How is one value in a JSON body found or replaced, with every other byte left as it was sent?
