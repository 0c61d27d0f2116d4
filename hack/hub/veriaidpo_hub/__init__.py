"""A small server that speaks the Hugging Face hub's protocol over folders of this machine."""
