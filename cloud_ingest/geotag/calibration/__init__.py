"""Where a camera stands and looks, found from marks in its picture or from stars, with an honest covariance."""
