"""nbgrader's settings for this course; nbgrader reads them when it is run in this folder."""

c = get_config()  # nbgrader puts it here

c.CourseDirectory.course_id = "glass-box-transformer"
c.CourseDirectory.groupshared = False

# What students get: stubs that say that they are stubs, and an invitation to write.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
c.ClearSolutions.text_stub = "*Write your answer here.*"

# How answers are graded: tests that were deleted come back, and answers run in their own process.
c.OverwriteCells.add_missing_cells = True
c.Autograde.autograde_preprocessors = [
    "bookkit.grading.execute.ExecuteApart",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# What students get back: no hidden tests.
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
