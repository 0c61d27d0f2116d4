"""Puts the operators of predictors/kernels into a graph while it is loaded."""
