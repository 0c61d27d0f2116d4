"""Which model, which bytes and which rule gave an answer: a record for each, in a chain that is proof."""
