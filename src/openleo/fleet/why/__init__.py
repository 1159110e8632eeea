"""Why terminals are dark: causes with their evidence, confidence and rivals, and who needs help first."""

from openleo.fleet.why.causes import ADVICE, CAUSES, Advice, Why
from openleo.fleet.why.course import Course, State, course_of
from openleo.fleet.why.inputs import (
    Around,
    Case,
    Decision,
    DishFacts,
    Expectation,
    Expected,
    Share,
    Subject,
)
from openleo.fleet.why.model import Diagnosis, Rival, diagnose

__all__ = [
    "ADVICE",
    "CAUSES",
    "Advice",
    "Around",
    "Case",
    "Course",
    "Decision",
    "Diagnosis",
    "DishFacts",
    "Expectation",
    "Expected",
    "Rival",
    "Share",
    "State",
    "Subject",
    "Why",
    "course_of",
    "diagnose",
]
