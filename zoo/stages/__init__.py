"""Stages of a recipe that has several; see :mod:`zoo.stage_contract`."""
